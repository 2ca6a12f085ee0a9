-- Carries out up to 50 timers that are due; gives ms until the next one, -1 if there is none.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch

local function call_due(call)
  local c = get(CALLS, call)
  if not c or not c.due or c.due > now then return end
  if c.state == 'ENDED' then
    rc('HDEL', CALLS, call)
  elseif c.parked then
    end_call(call, c)
    tell(me, { type = 'orphan_ended', call = call, owner = c.owner, entered_ms = c.entered, queued_ms = c.queued,
      hotline = c.hotline, label = c.label })
  elseif c.state == 'WAITING' then
    wait(call, c)
  elseif c.state == 'RESERVED' then
    unoffer(call, c, 'EXPIRED', 'expired')
  elseif c.state == 'RINGING' then
    unoffer(call, c, 'NO_ANSWER', 'expired')
  else
    tell(c.owner, { type = 'revoked', reservation = c.reservation, call = call, agent = c.agent, reason = 'talk_expired' })
    end_talk(call, c, POLICY.wrap_up_ms)
  end
end

local function agent_due(id)
  local a = get(AGENTS, id)
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

local function lease_due(process)
  if alive(process) then return end
  for _, member in ipairs(rc('ZRANGEBYLEX', OWNED, '[' .. process .. '|', '(' .. process .. '}')) do
    local call = string.sub(member, #process + 2)
    local c = get(CALLS, call)
    if c.state == 'WAITING' and not c.parked then park(call, c) end
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
  elseif kind == 'agent' then
    agent_due(id)
  elseif kind == 'lease' then
    lease_due(id)
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
