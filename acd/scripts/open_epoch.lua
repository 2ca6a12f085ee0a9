-- Opens a site epoch: number, replication id. ARGV epoch is the one the process knew ('0': none); the first of all that
-- saw it end wins, the others join. Everything of the old epoch is dropped: its owners send it again.
local number, replid = ARGV[6], ARGV[7]
if stored_epoch and stored_epoch ~= epoch then return { stored_epoch, 0 } end
if stored_epoch and tonumber(number) <= tonumber(stored_epoch) then return { stored_epoch, 0 } end
rc('DEL', AGENTS, CALLS, WAITING, READY, TIMERS, LEASES, OWNED, EXTENSIONS, DEVICES)
rc('DEL', META)
local due = now + policy('rebuild_ms')
rc('HSET', META, 'epoch', number, 'replid', replid, 'rebuilding', string.format('%d', due))
rc('ZADD', TIMERS, due, 'rebuild')
lease_me()
return { number, 1 }
