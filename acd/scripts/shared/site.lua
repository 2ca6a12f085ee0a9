-- Begins the library, after the constants of `acd/scripting.py`: the keys' names, POLICY, AGENT_MOVES, CALL_MOVES and the
-- sets of states. Every script is one function of it, run atomically; `begin` is its first line.
-- A line that ends in "-- guard:<name>" is one protection; tests take it out to show that its loss is noticed.
--
-- META, a hash: the epoch, Redis' replication id, the moment until which the site rebuilds, the rules' version and
-- mark, and as "lease|<process>" and "lease|asterisk|<host>" until when each is alive. Other hashes: AGENTS and CALLS
-- hold packed records by id (their fields: acd/records.py), QUEUES packed rules by queue, POOLS packed needs by pool,
-- EXTENSIONS extension -> agent, DEVICES extension -> what each host says of its phone. Sorted by member, all scores 0:
-- WAITING "<pool>|<13-digit place>|<call>", READY "<pool>|<rank>|<agent>". Sets: OWNED:<process> holds calls. By time:
-- TIMERS. A list: ENDED "<forgotten at>|<call>", in their order. Times are milliseconds.
--
-- A pool is a need as it is written, "@<agent>" for one agent alone, or "#<queue>", in which every waiting call of a
-- queue stands and which no agent serves. Several pools of a record are one text, with spaces between.
local rc, now, epoch, me, my_host, stored_epoch, rebuilding, alone_until, alive_read
local rules_read, rules_mark = {}, nil
local lists, lists_count = {}, 0

local function lasts(lease)
  return lease and tonumber(lease) > now
end

local function begin(args)
  rc = redis.call
  now, epoch, me = tonumber(args[1]), args[2], args[3]
  my_host = 'asterisk|' .. string.match(me, '^[^/]+')
  -- The two leases that most functions ask for come with the rest.
  local meta = rc('HMGET', META, 'epoch', 'mark', 'rebuilding', 'alone', 'lease|' .. me, 'lease|' .. my_host)
  stored_epoch, rebuilding, alone_until = meta[1], meta[3], tonumber(meta[4] or 0)
  alive_read = { [me] = lasts(meta[5]), [my_host] = lasts(meta[6]) }
  -- Rules are kept from one function to the next until somebody writes others, which have another mark.
  if not meta[2] or meta[2] ~= rules_mark then rules_read, rules_mark = {}, meta[2] end
end

local function refuse(code, text)
  return redis.error_reply('ACD_' .. code .. ' ' .. text)
end

local function get(hash, id)
  local text = rc('HGET', hash, id)
  return text and cmsgpack.unpack(text) or nil
end

local function list_of(text)
  -- The pools in a text. Records share the list, which is never changed: there are not many that differ.
  local list = lists[text]
  if not list then
    if lists_count == 1000 then lists, lists_count = {}, 0 end
    list = {}
    for pool in string.gmatch(text, '%S+') do list[#list + 1] = pool end
    lists[text], lists_count = list, lists_count + 1
  end
  return list
end

local function tell(owner, message)
  -- "<process>#gone" is an earlier life of a process: nobody reads for it.
  if not string.find(owner, '#', 1, true) then rc('LPUSH', INBOX .. owner, cjson.encode(message)) end
end

local function alive(owner)
  -- A process that renews its lease, or "asterisk|<host>": a host whose Asterisk somebody sees.
  if alive_read[owner] == nil then
    alive_read[owner] = lasts(rc('HGET', META, 'lease|' .. owner))
  end
  return alive_read[owner]
end

local function set_timer(due, member)
  rc('ZADD', TIMERS, string.format('%d', due), member)
end

local function processes(prefix, living)
  -- Those whose names begin so and who are alive, or those who are not, in order.
  local fields, found = rc('HGETALL', META), {}
  for i = 1, #fields, 2 do
    local process = string.match(fields[i], '^lease|(.+)$')
    if process and string.sub(process, 1, #prefix) == prefix and lasts(fields[i + 1]) == living then
      found[#found + 1] = process
    end
  end
  table.sort(found)
  return found
end

local function lease(owner, kind, due)
  rc('HSET', META, 'lease|' .. owner, string.format('%d', due))
  set_timer(due, kind .. owner)
  alive_read[owner] = true
end

local function lease_me()
  lease(me, 'lease|', now + POLICY.lease_ms)
end

local function lease_host()
  lease(my_host, '', now + POLICY.host_lease_ms)
end

local function head(index, pool)
  -- The first member of a pool without its pool: one jump, however many wait. '}' is the character after '|'.
  local first = rc('ZRANGEBYLEX', index, '[' .. pool .. '|', '(' .. pool .. '}', 'LIMIT', '0', '1')[1]
  return first and string.sub(first, #pool + 2)
end

local function add(index, members)
  local scored = {} -- scores as text: Redis writes numbers out at length first
  for i, member in ipairs(members) do scored[2 * i - 1], scored[2 * i] = '0', member end
  rc('ZADD', index, unpack(scored))
end
