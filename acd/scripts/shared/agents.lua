-- Agents: their records, the pools they serve, the index of those ready, and what hinders a phone.
local function get_agent(id)
  local text = rc('HGET', AGENTS, id)
  if not text then return nil end
  local a = unpack_agent(text)
  a.timed = a.due and not a.call
  return a
end

local function comes_before(pool, other)
  -- Of two pools, in an index: byte by byte, which Lua's own order is not in every language.
  pool, other = pool .. '|', other .. '|'
  for i = 1, math.min(#pool, #other) do
    local mine, its = string.byte(pool, i), string.byte(other, i)
    if mine ~= its then return mine < its end
  end
  return false
end

local function pools_of(groups)
  -- Every pool whose need the agent meets, in the order of the indexes. `groups` is JSON, as it was told.
  local pools, needs = {}, rc('HGETALL', POOLS)
  groups = cjson.decode(groups)
  for i = 1, #needs, 2 do
    local met = true
    for skill, level in pairs(cmsgpack.unpack(needs[i + 1])) do
      if (groups[skill] or 0) < level then met = false end
    end
    if met then pools[#pools + 1] = needs[i] end
  end
  table.sort(pools, comes_before)
  return table.concat(pools, ' ')
end

local function rank(pool, a, idle)
  -- Who comes first among the ready agents of a pool: its mark says by what, nil if by the idle time. That decides the
  -- rest too.
  local mark = string.sub(pool, -2)
  if mark == '!o' then
    local signed = math.max(now - a.signed, 1)
    return string.format('%05d', math.floor(10000 * math.min(a.busy / signed, 1))) .. idle
  end
  if mark == '!p' then
    local sum, groups = 0, cjson.decode(a.groups)
    for skill in pairs(get(POOLS, pool)) do sum = sum + groups[skill] end
    return string.format('%03d', 999 - sum) .. idle
  end
end

local function agent_to(a, state, reason)
  if not AGENT_MOVES[a.state][state] then error('no agent move ' .. a.state .. '>' .. state) end
  if OCCUPIED[a.state] then a.busy = a.busy + now - a.since end
  a.state, a.reason, a.since, a.due = state, reason or '', now, nil
end

local function ready_members(id, a)
  -- As they were listed, whatever has changed since: by the time in `listed`, or the pool's own rank.
  local members, ranks = {}, a.ranks
  for i, pool in ipairs(list_of(a.pools)) do
    members[i] = pool .. '|' .. (ranks and ranks[pool] or a.listed) .. '|' .. id
  end
  return members
end

local function list_agent(id, a)
  a.listed = string.format('%013d', a.idle)
  for _, pool in ipairs(list_of(a.pools)) do
    local own = rank(pool, a, a.listed)
    if own then
      a.ranks = a.ranks or {}
      a.ranks[pool] = own
    end
  end
  local members = ready_members(id, a)
  if members[1] then add(READY, members) end
end

local function unlist_agent(id, a)
  if not a.listed then return end
  local members = ready_members(id, a)
  if members[1] then rc('ZREM', READY, unpack(members)) end
  a.listed, a.ranks = nil, nil
end

local function store_agent(id, a)
  rc('HSET', AGENTS, id, pack_agent(a))
end

local function keep_agent(id, a)
  if a.state ~= 'READY' then
    unlist_agent(id, a)
  elseif not a.listed then
    list_agent(id, a)
  end
  if a.due and not a.call then -- while a call holds the agent, the call's timer is the one that counts
    set_timer(a.due, 'agent|' .. id)
    a.timed = true
  elseif a.timed then
    rc('ZREM', TIMERS, 'agent|' .. id)
    a.timed = nil
  end
  store_agent(id, a)
end

local function tell_agent(id, a)
  -- state|pending|since|extension|reason, under the agent's name. Returns the event's id.
  return rc('XADD', EVENTS, 'MAXLEN', '~', '10000', '*', id,
    a.state .. '|' .. (a.pending or '') .. '|' .. string.format('%d', a.since) .. '|' .. a.extension .. '|' .. a.reason)
end

local function save_agent(id, a)
  keep_agent(id, a)
  tell_agent(id, a)
end

local function new_agent(extension, groups)
  return {
    extension = extension, groups = groups, pools = pools_of(groups), state = 'SIGNED_OUT', reason = '', since = now,
    idle = now, signed = now, busy = 0,
  }
end

local function hindrance(extension)
  -- Why the phone may not be offered a call, or nil and the host it is registered with. Unknown is not offerable: what
  -- a host said counts only while somebody sees it.
  local found, why = nil, 'unknown'
  for host, phone in pairs(get(DEVICES, extension) or {}) do
    if alive('asterisk|' .. host) then
      if not phone.reachable then
        if not found then why = 'unreachable' end
      elseif not found or phone.at > found.at or (phone.at == found.at and host < found.host) then
        -- Registered in two places: the newest is where it is.
        found, why = phone, phone.in_use and 'in_use' or nil
        found.host = host
      end
    end
  end
  return why, found and found.host
end

local function sign_off(id, a, reason)
  agent_to(a, 'SIGNED_OUT', reason)
  if rc('HGET', EXTENSIONS, a.extension) == id then rc('HDEL', EXTENSIONS, a.extension) end
  a.pending, a.pending_reason, a.rest, a.queue = nil, nil, nil, nil
  save_agent(id, a)
end
