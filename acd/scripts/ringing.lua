-- The agent's phone is about to ring: call, reservation, ring_ms. Gives the new deadline.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state == 'RINGING' then return c.due end
if c.state ~= 'RESERVED' then return refuse('CONFLICT', c.state) end
local a = get_agent(c.agent)
call_to(c, 'RINGING')
agent_to(a, 'RINGING')
c.due = now + tonumber(ARGV[6]) + POLICY.ring_grace_ms
a.due = c.due
save_call(call, c)
save_agent(c.agent, a)
return c.due
