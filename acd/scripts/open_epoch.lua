-- Opens a site epoch: number, replication id. ARGV epoch is the one the process knew ('0': none). An epoch ended if it is
-- not there or Redis is another; the first to say so opens the next one, the others join. Everything of the old epoch is
-- dropped: its owners send it again.
local number, replid = ARGV[4], ARGV[5]
local ended = not stored_epoch or (stored_epoch == epoch and rc('HGET', META, 'replid') ~= replid)
if not ended then return { stored_epoch, 0 } end
if stored_epoch and tonumber(number) <= tonumber(stored_epoch) then return { stored_epoch, 0 } end
rc('DEL', AGENTS, CALLS, WAITING, READY, TIMERS, LEASES, OWNED, EXTENSIONS, DEVICES)
rc('DEL', META)
local due = now + POLICY.rebuild_ms
rc('HSET', META, 'epoch', number, 'replid', replid, 'rebuilding', string.format('%d', due))
rc('ZADD', TIMERS, due, 'rebuild')
lease_me()
return { number, 1 }
