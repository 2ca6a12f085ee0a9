-- An agent's skill groups with levels change: agent, groups as JSON. In a call it counts from the next one on.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local id = ARGV[4]
local a = get_agent(id)
if not a or a.state == 'SIGNED_OUT' then return refuse('CONFLICT', 'not signed in') end
unlist_agent(id, a)
a.groups = ARGV[5]
a.pools = pools_of(a.groups)
if a.state == 'READY' and match_agent(id, a) then return 1 end
save_agent(id, a)
return 1
