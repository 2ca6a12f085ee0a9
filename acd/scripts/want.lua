-- An agent asks for a state: agent, READY | NOT_READY | SIGNED_OUT | END_WRAP_UP, reason. In a call it is pending.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id, wanted, reason = ARGV[4], ARGV[5], ARGV[6]
local a = get_agent(id)
if not a or a.state == 'SIGNED_OUT' then
  if wanted == 'SIGNED_OUT' then return 0 end
  return refuse('CONFLICT', 'not signed in')
end
if wanted == 'END_WRAP_UP' then
  if a.state == 'WRAP_UP' then settle(id, a) end
elseif a.call then
  a.pending, a.pending_reason = wanted, reason
  if wanted == 'READY' then a.pending, a.pending_reason = nil, nil end
  save_agent(id, a)
elseif wanted == 'SIGNED_OUT' then
  sign_off(id, a, reason)
elseif wanted == 'NOT_READY' then
  a.pending, a.pending_reason, a.rest = nil, nil, nil
  agent_to(a, 'NOT_READY', reason)
  save_agent(id, a)
elseif a.state ~= 'READY' then
  a.pending, a.pending_reason = nil, nil
  settle(id, a)
end
return 1
