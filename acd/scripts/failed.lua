-- An offer did not become a talk: call, reservation, outcome.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, outcome = ARGV[4], ARGV[6]
local c = get_call(call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state == 'TALKING' then return refuse('CONFLICT', c.state) end
local id = c.agent
if outcome == 'CALLER_GONE' then
  end_call(call, c)
else
  call_to(c, 'WAITING')
  wait(call, c)
end
free_agent(id, ARGV[5], outcome)
return 1
