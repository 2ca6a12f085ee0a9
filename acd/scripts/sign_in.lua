-- An agent takes a seat: agent, extension, groups as JSON. An older session of the same agent ends.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id, extension, groups = ARGV[4], ARGV[5], ARGV[6]
local holder = rc('HGET', EXTENSIONS, extension)
if holder and holder ~= id then return refuse('CONFLICT', 'the extension is held by another agent') end
local a = get_agent(id) or new_agent(extension, groups)
if a.call and a.extension ~= extension then
  if TALKS[a.state] then return refuse('CONFLICT', 'in a talk at another extension') end
  take_back(a.call, get_call(a.call), 'signed_in_elsewhere')
  a.call, a.reservation = nil, nil
end
unlist_agent(id, a)
if a.extension ~= extension and rc('HGET', EXTENSIONS, a.extension) == id then rc('HDEL', EXTENSIONS, a.extension) end
rc('HSET', EXTENSIONS, extension, id)
if a.state == 'SIGNED_OUT' then a.signed, a.busy = now, 0 end
a.extension, a.groups, a.pools = extension, groups, pools_of(groups)
a.pending, a.pending_reason, a.rest, a.fails = nil, nil, nil, nil
if not a.call then agent_to(a, 'NOT_READY', 'signed_in') end
save_agent(id, a)
return cjson.encode(a)
