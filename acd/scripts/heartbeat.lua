-- Renews the lease of a process: replication id, '1' if it sees its host's Asterisk. Back after a lapse, its waiting
-- calls take part again.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local known = rc('HMGET', META, 'replid', 'layout')
if known[1] ~= ARGV[4] then return refuse('EPOCH', stored_epoch or '0') end -- guard:replication
if known[2] ~= LAYOUT then return refuse('EPOCH', stored_epoch or '0') end -- guard:layout
sign_of_life()
lease_me()
if ARGV[5] == '1' then lease_host() end
return rebuilding and 1 or 0
