-- The rules of all queues: version, JSON list of { queue, steps: [{ after_ms, pools }], affinity_ms, wrap_up_ms,
-- wrap_up_max_ms, max_waiting, late_ms, late_queue }, JSON map of pool -> need. The newest version wins.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local version, rules, needs = tonumber(ARGV[4]), cjson.decode(ARGV[5]), cjson.decode(ARGV[6])
if tonumber(rc('HGET', META, 'rules') or -1) >= version then return 0 end

-- First: should anything below fail, nobody goes on with rules that are no longer there.
local time = rc('TIME')
rc('HSET', META, 'mark', time[1] .. '.' .. time[2])
local changed, named = {}, {}
for _, rule in ipairs(rules) do
  local packed = cmsgpack.pack(rule)
  named[rule.queue] = true
  if rc('HGET', QUEUES, rule.queue) ~= packed then
    rc('HSET', QUEUES, rule.queue, packed)
    changed[#changed + 1] = rule.queue
  end
end
for _, queue in ipairs(rc('HKEYS', QUEUES)) do
  -- Who waits in a queue that was removed is still served by its last rule.
  if not named[queue] and not head(WAITING, '#' .. queue) then rc('HDEL', QUEUES, queue) end
end

local news = false
for _, pool in ipairs(rc('HKEYS', POOLS)) do
  if not needs[pool] and not head(WAITING, pool) then
    rc('HDEL', POOLS, pool)
    news = true
  end
end
for pool, need in pairs(needs) do
  if rc('HEXISTS', POOLS, pool) == 0 then
    rc('HSET', POOLS, pool, cmsgpack.pack(need))
    news = true
  end
end
if news then
  for _, id in ipairs(rc('HKEYS', AGENTS)) do
    local a = get_agent(id)
    unlist_agent(id, a)
    a.pools = pools_of(a.groups)
    keep_agent(id, a)
  end
end

rules_read = {}
for _, queue in ipairs(changed) do
  for _, member in ipairs(rc('ZRANGEBYLEX', WAITING, '[#' .. queue .. '|', '(#' .. queue .. '}')) do
    local call = string.sub(member, #queue + 17)
    local c = get_call(call)
    if c.listed then wait(call, c) end
  end
end
rc('HSET', META, 'rules', version)
return 1
