-- Opens a site epoch: number, replication id. ARGV epoch is the one the process knew ('0': none). An epoch ended if it
-- is not there, if Redis is another, or if its records are laid out as this library does not read them; the first to
-- say so opens the next one, the others join. Everything of the old epoch is dropped: its owners send it again.
local number, replid = ARGV[4], ARGV[5]
local known = rc('HMGET', META, 'replid', 'layout')
local ended = not stored_epoch or known[2] ~= LAYOUT or (stored_epoch == epoch and known[1] ~= replid)
if not ended then return { stored_epoch, 0 } end
if stored_epoch and tonumber(number) <= tonumber(stored_epoch) then return { stored_epoch, 0 } end
for _, living in ipairs({ true, false }) do
  for _, process in ipairs(processes('', living)) do rc('DEL', OWNED .. process) end
end
rc('DEL', AGENTS, CALLS, WAITING, READY, TIMERS, EXTENSIONS, DEVICES, ENDED)
-- The queues' rules stay if they are there: an older version of them is replaced as soon as somebody configures.
local kept = rc('HMGET', META, 'rules', 'mark')
rc('DEL', META)
if kept[1] then rc('HSET', META, 'rules', kept[1], 'mark', kept[2]) end
local due = now + POLICY.rebuild_ms
rc('HSET', META, 'epoch', number, 'replid', replid, 'layout', LAYOUT, 'rebuilding', string.format('%d', due))
rc('ZADD', TIMERS, due, 'rebuild')
lease_me()
return { number, 1 }
