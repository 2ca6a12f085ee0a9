-- Matching: who is offered which call.
local SKEW_MS = 60000

local function reserve(id, a, call, c, pool)
  agent_to(a, 'RESERVED')
  -- Named by its event: no two are alike, and later ones are greater.
  local reservation = epoch .. '-' .. tell_agent(id, a)
  call_to(c, 'RESERVED')
  unlist_call(call, c)
  local due = now + POLICY.reserve_ms
  a.call, a.reservation, a.due, a.rest, a.queue = call, reservation, due, nil, c.queue
  c.agent, c.extension, c.host, c.pool, c.reservation, c.due = id, a.extension, a.host, pool, reservation, due
  c.attempt, c.waited = c.attempt + 1, now - c.queued
  keep_agent(id, a)
  save_call(call, c)
  tell(c.owner, {
    type = 'offer', reservation = reservation, epoch = tonumber(epoch), deadline_ms = due, call = call, agent = id,
    extension = a.extension, host = a.host, queue = c.queue, group = pool, waited_ms = c.waited, attempt = c.attempt,
  })
end

local function unreachable(id, a, why)
  agent_to(a, 'UNREACHABLE', why)
  a.due = now + POLICY.unreachable_ms
  save_agent(id, a)
end

local function longest_waiting(id, a)
  -- Place and call of the first among the agent's pools, and the pool.
  local best, best_pool
  -- Into pools of one agent alone nobody looks while no call waits like that; clocks of processes differ a little.
  if now < alone_until + SKEW_MS then
    best_pool = '@' .. id
    best = head(WAITING, best_pool)
  end
  local pools = list_of(a.pools)
  local last = pools[1] and '(' .. pools[#pools] .. '}'
  for _, pool in ipairs(pools) do
    -- One jump to the first from here to the agent's last pool: mostly nobody waits there, and one look is enough.
    local from = pool .. '|'
    local first = rc('ZRANGEBYLEX', WAITING, '[' .. from, last, 'LIMIT', '0', '1')[1]
    if not first then break end
    if string.sub(first, 1, #from) == from then
      first = string.sub(first, #from + 1)
      if not best or first < best then best, best_pool = first, pool end
    end
  end
  return best, best_pool
end

local function match_agent(id, a)
  -- The longest waiting call among the agent's pools; true if the agent is taken.
  if rebuilding then return false end
  while true do
    local best, best_pool = longest_waiting(id, a)
    if not best then return false end
    local call = string.sub(best, 15)
    local c = get_call(call)
    if not alive(c.owner) then park(call, c) c = nil end -- guard:lease
    if c then
      reserve(id, a, call, c, best_pool)
      return true
    end
  end
end

local function ready_alone(id)
  -- Whom a call waits for alone, if ready.
  local a = get_agent(id)
  return a and a.state == 'READY' and id or nil
end

local function first_ready(c)
  -- The first agent in the call's open pools, and the pool. All pools of a queue rank alike.
  if c.prefer then return ready_alone(c.prefer), c.open end
  local best, best_pool
  for _, pool in ipairs(list_of(c.open)) do
    local first = head(READY, pool)
    if first and (not best or first < best) then best, best_pool = first, pool end
  end
  return best and string.match(best, '|(.+)$'), best_pool
end

local function match_call(call, c)
  -- To the first agent among the call's open pools; true if the call is taken.
  if rebuilding then return false end
  while true do
    local id, pool = first_ready(c)
    if not id then return false end
    local a = get_agent(id)
    if not alive('asterisk|' .. a.host) then unreachable(id, a, 'unknown') a = nil end -- guard:host
    if a then
      reserve(id, a, call, c, pool)
      return true
    end
  end
end

local function list_call(call, c)
  -- Into the index at its own place, whatever happened before.
  unlist_call(call, c)
  c.agent, c.extension, c.host, c.pool, c.reservation, c.parked = nil, nil, nil, nil, nil, nil
  open_step(c)
  add(WAITING, waiting_members(call, c))
  c.listed = true
  save_call(call, c)
end

local function wait(call, c)
  -- A call in state WAITING: to an agent if one is free, else into the index.
  if c.only then return end_call(call, c) end -- a call out is that agent's or nobody's -- guard:only
  unlist_call(call, c)
  c.agent, c.extension, c.host, c.pool, c.reservation, c.parked = nil, nil, nil, nil, nil, nil
  open_step(c)
  if not alive(c.owner) then return park(call, c) end -- guard:lease
  if not match_call(call, c) then list_call(call, c) end
end

local function move_call(call, c, queue)
  unlist_call(call, c)
  c.queue, c.prefer, c.alone, c.late = queue, nil, nil, nil
  tell(c.owner, { type = 'moved', call = call, queue = queue })
  if c.parked then return save_call(call, c) end
  wait(call, c)
end

local function each_pool(index, from, upto)
  -- The pools of an index with somebody in them, from one jump to the next.
  return function()
    local first = rc('ZRANGEBYLEX', index, from, upto, 'LIMIT', '0', '1')[1]
    if not first then return nil end
    local pool = string.match(first, '^[^|]+')
    from = '(' .. pool .. '}'
    return pool
  end
end

local function longest_waiting_of_all()
  -- Of the calls for which an agent is ready.
  local best
  local function look(pool)
    local first = head(WAITING, pool)
    if first and (not best or first < best) then best = first end
  end
  for pool in each_pool(READY, '-', '+') do look(pool) end
  for pool in each_pool(WAITING, '[@', '(A') do -- those of one agent alone, who is not in READY by that name
    if ready_alone(string.sub(pool, 2)) then look(pool) end
  end
  return best
end

local function match_all()
  -- Oldest call first over all pools with a ready agent; false if there may be more to do.
  if rebuilding then return true end -- its end matches everything
  for _ = 1, 200 do
    local best = longest_waiting_of_all()
    if not best then return true end
    local call = string.sub(best, 15)
    local c = get_call(call)
    if not alive(c.owner) then park(call, c) c = nil end -- guard:lease
    if c then match_call(call, c) end
  end
  return false
end

local function sign_of_life()
  -- Asking for something renews a lease that ran out, and its waiting calls take part again: true if it had.
  if alive(me) then return false end
  lease_me()
  for _, call in ipairs(owned_by(me)) do
    local c = get_call(call)
    if c.parked then list_call(call, c) end -- guard:back
  end
  if not match_all() then rc('ZADD', TIMERS, now, 'match') end
  return true
end

local function settle(id, a, idle)
  -- Nothing holds the agent: to what was asked for, as far as the phone allows.
  local wanted, why = a.pending or 'READY', a.pending_reason
  a.pending, a.pending_reason, a.call, a.reservation, a.rest, a.queue = nil, nil, nil, nil, nil, nil
  if wanted == 'SIGNED_OUT' then return sign_off(id, a, why) end
  if wanted == 'NOT_READY' then
    agent_to(a, 'NOT_READY', why)
    return save_agent(id, a)
  end
  local why_not, host = hindrance(a.extension)
  if why_not then return unreachable(id, a, why_not) end
  if a.state == 'READY' then return end
  agent_to(a, 'READY')
  a.idle, a.host = idle or now, host
  if not match_agent(id, a) then save_agent(id, a) end
end
