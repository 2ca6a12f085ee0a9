-- Begins every script, after the constants of `acd/scripting.py`: the keys' names, POLICY, AGENT_MOVES and CALL_MOVES.
-- A line that ends in "-- guard:<name>" is one protection; tests take it out to show that its loss is noticed.
--
-- Hashes: AGENTS and CALLS hold JSON records by id, EXTENSIONS extension -> agent, DEVICES extension -> reachable,
-- in use ("10" is offerable). Sorted by member, all scores 0: WAITING "<pool>|<16-digit place>|<call>", READY
-- "<pool>|<16-digit idle since>|<agent>", OWNED "<process>|<call>". By time: TIMERS, LEASES. Times are milliseconds.
local now, epoch, me = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local rc = redis.call

local meta = rc('HMGET', META, 'epoch', 'rebuilding')
local stored_epoch, rebuilding = meta[1], meta[2]

local function refuse(code, text)
  return redis.error_reply('ACD_' .. code .. ' ' .. text)
end

local function get(hash, id)
  local text = rc('HGET', hash, id)
  return text and cjson.decode(text) or nil
end

local function tell(owner, message)
  -- "<process>#gone" is an earlier life of a process: nobody reads for it.
  if not string.find(owner, '#', 1, true) then rc('LPUSH', INBOX .. owner, cjson.encode(message)) end
end

local alive_read = {}
local function alive(owner)
  if alive_read[owner] == nil then
    local lease = rc('ZSCORE', LEASES, owner)
    alive_read[owner] = lease and tonumber(lease) > now or false
  end
  return alive_read[owner]
end

local function lease_me()
  local due = now + POLICY.lease_ms
  rc('ZADD', LEASES, due, me)
  rc('ZADD', TIMERS, due, 'lease|' .. me)
  alive_read[me] = true
end

local function head(index, pool)
  -- The first member of a pool without its pool: one jump, however many wait. '}' is the character after '|'.
  local first = rc('ZRANGEBYLEX', index, '[' .. pool .. '|', '(' .. pool .. '}', 'LIMIT', 0, 1)[1]
  return first and string.sub(first, #pool + 2)
end

local function index_members(pools, at, id)
  local members = {}
  for i, pool in ipairs(pools) do members[i] = pool .. '|' .. string.format('%016d', at) .. '|' .. id end
  return members
end

local function add(index, members)
  local scored = {}
  for i, member in ipairs(members) do scored[2 * i - 1], scored[2 * i] = 0, member end
  if #members > 0 then rc('ZADD', index, unpack(scored)) end
end

local function remove(index, members)
  if #members > 0 then rc('ZREM', index, unpack(members)) end
end
