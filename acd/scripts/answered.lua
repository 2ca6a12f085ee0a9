-- The agent took the call: call, reservation. From here on it is never queued again. Gives the talk lease's end.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state == 'TALKING' then return c.due end
local a = get_agent(c.agent)
call_to(c, 'TALKING')
agent_to(a, 'TALKING')
c.answered, c.due = true, now + POLICY.talk_ms
a.due = c.due
save_call(call, c)
save_agent(c.agent, a)
return c.due
