-- What a phone can do now: extension, reachable, in use ('1' or '0'), 'elsewhere' if a native queue rings it.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local extension, elsewhere = ARGV[4], ARGV[7] == 'elsewhere'
rc('HSET', DEVICES, extension, ARGV[5] .. ARGV[6])
local id = rc('HGET', EXTENSIONS, extension)
if not id then return 0 end
local a = get(AGENTS, id)
local why_not = hindrance(extension)
if elsewhere and why_not == 'in_use' then why_not = 'busy_elsewhere' end
if a.state == 'READY' and why_not then
  agent_to(a, 'UNREACHABLE', why_not)
  a.due = now + POLICY.unreachable_ms
  save_agent(id, a)
elseif a.state == 'UNREACHABLE' and not (a.rest and a.rest > now) then
  if not why_not then
    settle(id, a)
  elseif why_not ~= a.reason then
    local due = a.due -- another reason is no new time limit
    agent_to(a, 'UNREACHABLE', why_not)
    a.due = due
    save_agent(id, a)
  end
elseif (a.state == 'RESERVED' or a.state == 'RINGING') and (why_not == 'unreachable' or elsewhere) then
  -- In use alone is expected here: it is our own call.
  unoffer(a.call, get(CALLS, a.call), 'AGENT_WITHDRAWN', why_not)
end
return 1
