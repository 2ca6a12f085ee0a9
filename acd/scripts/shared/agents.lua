-- Agents: their records, the index of those ready, and what hinders a phone.
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
