-- Carries out up to 50 timers that are due; gives ms until the next one, -1 if there is none.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch

local function call_due(call)
  local c = get_call(call)
  if not c or not c.due or c.due > now or c.state == 'ENDED' then return end
  if c.parked then
    end_call(call, c)
    tell(me, { type = 'orphan_ended', call = call, owner = c.owner, entered_ms = c.entered, queued_ms = c.queued,
      hotline = c.hotline, label = c.label })
  elseif c.state == 'WAITING' then
    local rule = rule_of(c.queue)
    if rule.late_ms and not c.late and c.queued + rule.late_ms <= now then
      if rule.late_queue and rule_of(rule.late_queue) then
        move_call(call, c, rule.late_queue)
        return
      end
      c.late = true
      tell(c.owner, { type = 'late', call = call, queue = c.queue })
    end
    wait(call, c)
  elseif c.state == 'RESERVED' then
    unoffer(call, c, 'EXPIRED', 'expired')
  elseif c.state == 'RINGING' then
    unoffer(call, c, 'NO_ANSWER', 'expired')
  else
    tell(c.owner, { type = 'revoked', reservation = c.reservation, call = call, agent = c.agent, reason = 'talk_expired' })
    end_talk(call, c, -1)
  end
end

local function agent_due(id)
  local a = get_agent(id)
  if not a or a.call or not a.due or a.due > now then return end
  if a.state == 'WRAP_UP' or (a.state == 'UNREACHABLE' and a.rest) then
    settle(id, a)
  elseif a.state == 'UNREACHABLE' then
    agent_to(a, 'NOT_READY', 'unreachable')
    a.due = now + POLICY.absent_ms
    save_agent(id, a)
  elseif a.state == 'NOT_READY' then
    sign_off(id, a, 'absent')
  end
end

local function forget_ended()
  -- Calls that ended long ago, unless they came again meanwhile.
  local ended = rc('LRANGE', ENDED, '0', '199')
  local over = 0
  for _, entry in ipairs(ended) do
    local due, call = string.match(entry, '^(%d+)|(.+)$')
    if tonumber(due) > now then break end
    over = over + 1
    local c = get_call(call)
    if c and c.state == 'ENDED' and c.due <= now then rc('HDEL', CALLS, call) end
  end
  if over > 0 then rc('LTRIM', ENDED, over, -1) end
  local oldest = ended[over + 1] or rc('LINDEX', ENDED, '0')
  if oldest then set_timer(tonumber(string.match(oldest, '^%d+')), 'forget') end
end

local function host_gone(host)
  -- Neither its Asterisk nor a process of it has been heard of.
  if alive('asterisk|' .. host) then return false end
  return #processes(host .. '/', true) == 0
end

local function host_over(host)
  -- Processes of a host adopt each other's calls; where host and process are gone nobody does, and Asterisk has ended
  -- them. Their agents are free of them, and it is not held against them; nor are offers to phones of a host that is
  -- gone altogether. (One whose Asterisk alone is unseen lets its phones ring on, and they may be answered.)
  for _, process in ipairs(processes(host .. '/', false)) do
    for _, call in ipairs(owned_by(process)) do
      local c = get_call(call)
      if c.state == 'RESERVED' or c.state == 'RINGING' then
        unoffer(call, c, 'EXPIRED', 'host_gone')
      elseif c.state == 'TALKING' then
        end_talk(call, c, -1)
      end
    end
  end
  if not host_gone(host) then return end
  for _, id in ipairs(rc('HKEYS', AGENTS)) do
    local a = get_agent(id)
    if a.host == host and (a.state == 'RESERVED' or a.state == 'RINGING') and hindrance(a.extension) then
      unoffer(a.call, get_call(a.call), 'AGENT_WITHDRAWN', 'host_gone')
    end
  end
end

local function lease_due(process)
  if alive(process) then return end
  local host = string.match(process, '^[^/]+')
  if not alive('asterisk|' .. host) then host_over(host) end
  for _, call in ipairs(owned_by(process)) do
    local c = get_call(call)
    if c.state == 'WAITING' and not c.parked then park(call, c) end
  end
end

local function host_due(host)
  -- Nobody sees this host's Asterisk: what it said of its phones counts no more, until it is said anew.
  if alive('asterisk|' .. host) then return end
  host_over(host)
  local phones = rc('HGETALL', DEVICES)
  for i = 1, #phones, 2 do
    local said = cmsgpack.unpack(phones[i + 1])
    if said[host] then
      said[host] = nil
      if next(said) then rc('HSET', DEVICES, phones[i], cmsgpack.pack(said)) else rc('HDEL', DEVICES, phones[i]) end
      local id = rc('HGET', EXTENSIONS, phones[i])
      local a = id and get_agent(id)
      if a and a.state == 'READY' then
        local why_not, home = hindrance(a.extension)
        if why_not then
          unreachable(id, a, why_not)
        else
          a.host = home
          store_agent(id, a)
        end
      end
    end
  end
end

local all_matched = true
for _, member in ipairs(rc('ZRANGEBYSCORE', TIMERS, '-inf', now, 'LIMIT', 0, 50)) do
  local kind, id = string.match(member, '^(%a+)|?(.*)$')
  local due = rc('ZSCORE', TIMERS, member)
  if not due or tonumber(due) > now then
    kind = nil -- one that ran before it in this batch has set it anew
  else
    rc('ZREM', TIMERS, member)
  end
  if kind == 'call' then
    call_due(id)
  elseif kind == 'forget' then
    forget_ended()
  elseif kind == 'agent' then
    agent_due(id)
  elseif kind == 'lease' then
    lease_due(id)
  elseif kind == 'asterisk' then
    host_due(id)
  elseif kind then
    if kind == 'rebuild' then
      rc('HDEL', META, 'rebuilding')
      rebuilding = nil
    end
    all_matched = match_all() and all_matched
  end
end
if not all_matched then rc('ZADD', TIMERS, now, 'match') end
local following = rc('ZRANGE', TIMERS, 0, 0, 'WITHSCORES')
return following[2] and math.max(0, tonumber(following[2]) - now) or -1
