-- The caller is no longer to be connected: call. Not for a talk, which ends by `finished`.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
if not c or c.state == 'ENDED' then return 0 end
if c.owner ~= me then return refuse('STALE', 'another owner') end -- guard:owner
if c.state == 'TALKING' then return refuse('CONFLICT', 'the call is in a talk') end
local id, reservation = c.agent, c.reservation
end_call(call, c)
if id then free_agent(id, reservation, 'CALLER_GONE') end
return 1
