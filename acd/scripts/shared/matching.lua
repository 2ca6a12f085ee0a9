-- Matching: who is offered which call.
local function reserve(id, a, call, c, pool)
  local reservation = epoch .. '-' .. rc('HINCRBY', META, 'reservations', 1)
  agent_to(a, 'RESERVED')
  call_to(c, 'RESERVED')
  unlist_call(call, c)
  local due = now + POLICY.reserve_ms
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
    a.due = now + POLICY.unreachable_ms
    return save_agent(id, a)
  end
  if a.state == 'READY' then return end
  agent_to(a, 'READY')
  a.idle = idle or now
  if not match_agent(id, a) then save_agent(id, a) end
end
