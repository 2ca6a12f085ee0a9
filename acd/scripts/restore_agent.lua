-- After a flush an agent's wanted state comes back: agent, extension, groups as JSON, wanted, reason.
-- One that has been seen in this epoch keeps its state; in a call that was sent again, the wish is pending.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id, extension, groups, wanted, reason = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local a = get_agent(id)
if a and not a.call then return 1 end
local holder = rc('HGET', EXTENSIONS, a and a.extension or extension)
if holder and holder ~= id then return refuse('CONFLICT', 'the extension is held by another agent') end
if a then
  unlist_agent(id, a)
  a.groups, a.pools = groups, pools_of(groups)
  if wanted ~= 'READY' then a.pending, a.pending_reason = wanted, reason end
  save_agent(id, a)
elseif wanted ~= 'SIGNED_OUT' then
  a = new_agent(extension, groups)
  a.pending, a.pending_reason = wanted, reason
  rc('HSET', EXTENSIONS, extension, id)
  settle(id, a)
end
return 1
