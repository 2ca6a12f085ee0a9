-- After a flush an agent's wanted state comes back: agent, extension, groups as JSON, wanted, reason.
-- One that has been seen in this epoch keeps its state; in a call that was sent again, the wish is pending.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id, extension, groups, wanted, reason = ARGV[4], ARGV[5], cjson.decode(ARGV[6]), ARGV[7], ARGV[8]
local a = get(AGENTS, id)
if a and not a.call then return cjson.encode(a) end
local holder = rc('HGET', EXTENSIONS, a and a.extension or extension)
if holder and holder ~= id then return refuse('CONFLICT', 'the extension is held by another agent') end
if a then
  a.groups = groups
  if wanted ~= 'READY' then a.pending, a.pending_reason = wanted, reason end
  save_agent(id, a)
elseif wanted ~= 'SIGNED_OUT' then
  a = { extension = extension, groups = groups, state = 'SIGNED_OUT', idle = now, pending = wanted, pending_reason = reason }
  rc('HSET', EXTENSIONS, extension, id)
  settle(id, a)
end
return rc('HGET', AGENTS, id) or ''
