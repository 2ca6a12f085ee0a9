-- What the agent does in the talk: call, reservation, TALKING | HOLD | CONSULT | CONFERENCE.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local c = get_call(ARGV[4])
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state ~= 'TALKING' then return refuse('CONFLICT', c.state) end
local a = get_agent(c.agent)
if a.state ~= ARGV[6] then
  local due = a.due
  agent_to(a, ARGV[6])
  a.due = due
  save_agent(c.agent, a)
end
return c.due
