-- The talk goes on: call, reservation, until (ms since 1970). Never shortens the lease.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state ~= 'TALKING' then return refuse('CONFLICT', c.state) end
local a = get_agent(c.agent)
c.due = math.max(c.due, tonumber(ARGV[6]))
save_call(call, c)
if a then
  a.due = c.due
  store_agent(c.agent, a) -- the state is as it was: nothing to announce
end
return c.due
