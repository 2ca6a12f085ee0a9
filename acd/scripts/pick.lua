-- A waiting call goes to this very agent: call, agent.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, id = ARGV[4], ARGV[5]
local c, a = get_call(call), get_agent(id)
if not c or not c.listed then return refuse('CONFLICT', 'the call does not wait') end
if not alive(c.owner) then return refuse('CONFLICT', 'nobody holds the caller now') end -- guard:lease
if not a or (a.state ~= 'READY' and a.state ~= 'NOT_READY') then return refuse('CONFLICT', 'the agent is not free') end
local why_not, host = hindrance(a.extension)
if why_not then return refuse('CONFLICT', 'the phone is ' .. why_not) end
if a.state == 'NOT_READY' then a.pending, a.pending_reason = 'NOT_READY', a.reason end
a.host = host
reserve(id, a, call, c, '@' .. id)
return 1
