-- Renews the lease of a process: replication id. Back after a lapse, its waiting calls take part again.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
if rc('HGET', META, 'replid') ~= ARGV[4] then return refuse('EPOCH', stored_epoch or '0') end -- guard:replication
local lapsed = not alive(me)
lease_me()
if lapsed then
  for _, member in ipairs(rc('ZRANGEBYLEX', OWNED, '[' .. me .. '|', '(' .. me .. '}')) do
    local call = string.sub(member, #me + 2)
    local c = get(CALLS, call)
    if c.parked then list_call(call, c) end
  end
  if not match_all() then rc('ZADD', TIMERS, now, 'match') end
end
return rebuilding and 1 or 0
