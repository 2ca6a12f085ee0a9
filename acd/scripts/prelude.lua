-- Shared by every script and put before it at load; AGENT_MOVES and CALL_MOVES come from acd/states.py.
-- A line that ends in "-- guard:<name>" is one protection; tests take it out to show that its loss is noticed.
--
-- Hashes: AGENTS and CALLS hold JSON records by id, EXTENSIONS extension -> agent, DEVICES extension -> reachable,
-- in use ("10" is offerable). Sorted by member, all scores 0: WAITING "<pool>|<16-digit place>|<call>", READY
-- "<pool>|<16-digit idle since>|<agent>", OWNED "<process>|<call>". By time: TIMERS, LEASES. Times are milliseconds.
local META, AGENTS, CALLS, WAITING, READY, TIMERS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local LEASES, OWNED, EXTENSIONS, DEVICES, EVENTS = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local now, epoch, me, INBOX = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local rc = redis.call

local meta = rc('HMGET', META, 'epoch', 'rebuilding')
local stored_epoch, rebuilding = meta[1], meta[2]

local policy_read
local function policy(name)
  policy_read = policy_read or cjson.decode(ARGV[5])
  return policy_read[name]
end

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
  local due = now + policy('lease_ms')
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

-- Agents ---------------------------------------------------------------------------------------------------------

local function pools_of(a)
  local pools = {}
  for group in pairs(a.groups) do pools[#pools + 1] = group end
  return pools
end

local function agent_to(a, state, reason)
  if not string.find(AGENT_MOVES, '|' .. a.state .. '>' .. state .. '|', 1, true) then
    error('no agent move ' .. a.state .. '>' .. state)
  end
  a.state, a.reason, a.since, a.due = state, reason or '', now, nil
end

local function unlist_agent(id, a)
  if a.listed then remove(READY, index_members(pools_of(a), a.idle, id)) end
  a.listed = nil
end

local function save_agent(id, a)
  if a.state ~= 'READY' then
    unlist_agent(id, a)
  elseif not a.listed then
    add(READY, index_members(pools_of(a), a.idle, id))
    a.listed = true
  end
  if a.due and not a.call then -- while a call holds the agent, the call's timer is the one that counts
    rc('ZADD', TIMERS, a.due, 'agent|' .. id)
    a.timed = true
  elseif a.timed then
    rc('ZREM', TIMERS, 'agent|' .. id)
    a.timed = nil
  end
  rc('HSET', AGENTS, id, cjson.encode(a))
  rc('XADD', EVENTS, 'MAXLEN', '~', 10000, '*', 'kind', 'agent', 'agent', id, 'extension', a.extension, 'state', a.state,
    'reason', a.reason, 'pending', a.pending or '', 'since_ms', string.format('%d', a.since))
end

local function hindrance(extension)
  -- Why the phone may not be offered a call; unknown is not offerable.
  local device = rc('HGET', DEVICES, extension)
  if not device then return 'unknown' end
  if string.sub(device, 1, 1) ~= '1' then return 'unreachable' end
  if string.sub(device, 2, 2) ~= '0' then return 'in_use' end
end

local function sign_off(id, a, reason)
  agent_to(a, 'SIGNED_OUT', reason)
  if rc('HGET', EXTENSIONS, a.extension) == id then rc('HDEL', EXTENSIONS, a.extension) end
  a.pending, a.pending_reason, a.rest = nil, nil, nil
  save_agent(id, a)
end

-- Calls ----------------------------------------------------------------------------------------------------------

local function call_to(c, state)
  if not string.find(CALL_MOVES, '|' .. c.state .. '>' .. state .. '|', 1, true) then
    error('no call move ' .. c.state .. '>' .. state)
  end
  c.state = state
end

local function unlist_call(call, c)
  if c.listed then remove(WAITING, index_members(c.open, c.place, call)) end
  c.listed = nil
end

local function save_call(call, c)
  if c.due then
    rc('ZADD', TIMERS, c.due, 'call|' .. call)
    c.timed = true
  elseif c.timed then
    rc('ZREM', TIMERS, 'call|' .. call)
    c.timed = nil
  end
  rc('HSET', CALLS, call, cjson.encode(c))
end

local function own(call, c, owner)
  if c.owner and c.owner ~= owner then rc('ZREM', OWNED, c.owner .. '|' .. call) end
  c.owner = owner
  rc('ZADD', OWNED, 0, owner .. '|' .. call)
end

local function open_steps(c)
  while c.steps[c.step + 1] and c.queued + c.steps[c.step + 1].after_ms <= now do
    c.step = c.step + 1
    c.open = c.steps[c.step].groups
  end
  local following = c.steps[c.step + 1]
  c.due = following and c.queued + following.after_ms or nil
end

local function park(call, c)
  -- Its owner is gone: the place is kept, but nobody could connect the caller. It ends unless it comes back in time.
  unlist_call(call, c)
  c.parked, c.due = true, now + policy('orphan_ms')
  save_call(call, c)
end

local function end_call(call, c)
  call_to(c, 'ENDED')
  unlist_call(call, c)
  rc('ZREM', OWNED, c.owner .. '|' .. call)
  save_call(call, {
    state = c.state, entered = c.entered, place = c.place, queued = c.queued, owner = c.owner, hotline = c.hotline,
    answered = c.answered, attempt = c.attempt, timed = c.timed, due = now + policy('forget_ms'),
  })
end

-- Matching -------------------------------------------------------------------------------------------------------

local function reserve(id, a, call, c, pool)
  local reservation = epoch .. '-' .. rc('HINCRBY', META, 'reservations', 1)
  agent_to(a, 'RESERVED')
  call_to(c, 'RESERVED')
  unlist_call(call, c)
  local due = now + policy('reserve_ms')
  a.call, a.reservation, a.due, a.rest = call, reservation, due, nil
  c.agent, c.extension, c.pool, c.reservation, c.due = id, a.extension, pool, reservation, due
  c.attempt, c.waited = c.attempt + 1, now - c.queued
  save_agent(id, a)
  save_call(call, c)
  tell(c.owner, {
    type = 'offer', reservation = reservation, epoch = tonumber(epoch), deadline_ms = due, call = call, agent = id,
    extension = a.extension, group = pool, waited_ms = c.waited, attempt = c.attempt,
  })
end

local function match_agent(id, a)
  -- The longest waiting call among the agent's pools; true if the agent is taken.
  if rebuilding then return false end
  while true do
    local best, best_pool
    for pool in pairs(a.groups) do
      local first = head(WAITING, pool)
      if first and (not best or first < best) then best, best_pool = first, pool end
    end
    if not best then return false end
    local call = string.sub(best, 18)
    local c = get(CALLS, call)
    if not alive(c.owner) then park(call, c) c = nil end -- guard:lease
    if c then
      reserve(id, a, call, c, best_pool)
      return true
    end
  end
end

local function match_call(call, c)
  -- The longest idle agent among the call's open pools; true if the call is taken.
  if rebuilding then return false end
  local best, best_pool
  for _, pool in ipairs(c.open) do
    local first = head(READY, pool)
    if first and (not best or first < best) then best, best_pool = first, pool end
  end
  if not best then return false end
  local id = string.sub(best, 18)
  reserve(id, get(AGENTS, id), call, c, best_pool)
  return true
end

local function list_call(call, c)
  -- Into the index at its own place, whatever happened before.
  unlist_call(call, c)
  c.agent, c.extension, c.pool, c.reservation, c.parked = nil, nil, nil, nil, nil
  open_steps(c)
  add(WAITING, index_members(c.open, c.place, call))
  c.listed = true
  save_call(call, c)
end

local function wait(call, c)
  -- A call in state WAITING: to an agent if one is free, else into the index.
  unlist_call(call, c)
  open_steps(c)
  c.agent, c.extension, c.pool, c.reservation, c.parked = nil, nil, nil, nil, nil
  if not alive(c.owner) then return park(call, c) end -- guard:lease
  if not match_call(call, c) then list_call(call, c) end
end

local function match_all()
  -- Oldest call first over all pools with a ready agent; false if there may be more to do.
  if rebuilding then return true end -- its end matches everything
  for _ = 1, 200 do
    local best, from = nil, '-'
    while true do
      local first = rc('ZRANGEBYLEX', READY, from, '+', 'LIMIT', 0, 1)[1]
      if not first then break end
      local pool = string.match(first, '^[^|]+')
      local waiting = head(WAITING, pool)
      if waiting and (not best or waiting < best) then best = waiting end
      from = '(' .. pool .. '}'
    end
    if not best then return true end
    local call = string.sub(best, 18)
    local c = get(CALLS, call)
    if not alive(c.owner) then park(call, c) c = nil end -- guard:lease
    if c then match_call(call, c) end
  end
  return false
end

local function settle(id, a, idle)
  -- Nothing holds the agent: to what was asked for, as far as the phone allows.
  local wanted, why = a.pending or 'READY', a.pending_reason
  a.pending, a.pending_reason, a.call, a.reservation, a.rest = nil, nil, nil, nil, nil
  if wanted == 'SIGNED_OUT' then return sign_off(id, a, why) end
  if wanted == 'NOT_READY' then
    agent_to(a, 'NOT_READY', why)
    return save_agent(id, a)
  end
  local why_not = hindrance(a.extension)
  if why_not then
    agent_to(a, 'UNREACHABLE', why_not)
    a.due = now + policy('unreachable_ms')
    return save_agent(id, a)
  end
  if a.state == 'READY' then return end
  agent_to(a, 'READY')
  a.idle = idle or now
  if not match_agent(id, a) then save_agent(id, a) end
end

-- Reservations ---------------------------------------------------------------------------------------------------

local function reservation_refusal(c, reservation)
  if not c then return refuse('STALE', 'no such call') end
  if c.reservation ~= reservation then return refuse('STALE', 'another reservation') end -- guard:reservation
  if c.owner ~= me then return refuse('STALE', 'another owner') end -- guard:owner
  if c.due <= now then return refuse('STALE', 'past its deadline') end -- guard:deadline
end

local function free_agent(id, reservation, outcome)
  -- What becomes of the agent of an offer that did not become a talk.
  local a = get(AGENTS, id)
  if not a or a.reservation ~= reservation then return end
  a.call, a.reservation = nil, nil
  if a.pending then return settle(id, a) end
  if outcome == 'CALLER_GONE' or outcome == 'EXPIRED' or outcome == 'AGENT_WITHDRAWN' then
    return settle(id, a, a.idle)
  end
  if outcome == 'NO_ANSWER' or outcome == 'REJECTED' then
    if policy('no_answer_not_ready') then
      agent_to(a, 'NOT_READY', string.lower(outcome))
      a.due = now + policy('absent_ms')
      return save_agent(id, a)
    end
    if outcome == 'NO_ANSWER' then return settle(id, a) end
  end
  -- The phone could not take the call: a rest, lest the same call comes back at once and for ever.
  agent_to(a, 'UNREACHABLE', string.lower(outcome))
  a.due = now + policy('rest_ms')
  a.rest = a.due
  save_agent(id, a)
end

local function take_back(call, c, reason)
  -- The caller returns to its place, and the owner is told to stop ringing. What becomes of the agent is left open.
  tell(c.owner, { type = 'revoked', reservation = c.reservation, call = call, agent = c.agent, reason = reason })
  call_to(c, 'WAITING')
  wait(call, c)
end

local function unoffer(call, c, outcome, reason)
  local id, reservation = c.agent, c.reservation
  take_back(call, c, reason)
  free_agent(id, reservation, outcome)
end

local function end_talk(call, c, wrap_up_ms)
  local id, reservation = c.agent, c.reservation
  end_call(call, c)
  local a = get(AGENTS, id)
  if not a or a.reservation ~= reservation then return end
  a.call, a.reservation = nil, nil
  if wrap_up_ms <= 0 then return settle(id, a) end
  agent_to(a, 'WRAP_UP')
  a.due = now + wrap_up_ms
  save_agent(id, a)
end
