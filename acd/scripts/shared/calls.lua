-- Calls: their records, the rules of their queues, the index of those that wait, whose they are, and their steps.
local function get_call(call)
  local text = rc('HGET', CALLS, call)
  if not text then return nil end
  local c = unpack_call(text)
  c.timed = c.due and c.state ~= 'ENDED'
  return c
end

local function call_to(c, state)
  if not CALL_MOVES[c.state][state] then error('no call move ' .. c.state .. '>' .. state) end
  c.state = state
end

local function rule_of(queue)
  if rules_read[queue] == nil then rules_read[queue] = get(QUEUES, queue) or false end
  return rules_read[queue]
end

local function waiting_members(call, c)
  local at = '|' .. string.format('%013d', c.place) .. '|' .. call
  local members = { '#' .. c.queue .. at }
  for i, pool in ipairs(list_of(c.open)) do members[i + 1] = pool .. at end
  return members
end

local function unlist_call(call, c)
  if c.listed then rc('ZREM', WAITING, unpack(waiting_members(call, c))) end
  c.listed = nil
end

local function save_call(call, c)
  if c.due then
    set_timer(c.due, 'call|' .. call)
    c.timed = true
  elseif c.timed then
    rc('ZREM', TIMERS, 'call|' .. call)
    c.timed = nil
  end
  rc('HSET', CALLS, call, pack_call(c))
end

local function own(call, c, owner)
  if c.owner and c.owner ~= owner then rc('SREM', OWNED .. c.owner, call) end
  c.owner = owner
  rc('SADD', OWNED .. owner, call)
end

local function owned_by(owner)
  -- In order, so that every run of a story is the same.
  local calls = rc('SMEMBERS', OWNED .. owner)
  table.sort(calls)
  return calls
end

local function open_step(c)
  -- Which pools the call is in now, and when that changes. A removed queue's rule is kept while calls are in it.
  local rule = rule_of(c.queue)
  c.due = rule.late_ms and not c.late and c.queued + rule.late_ms or nil
  if c.prefer and c.alone > now then
    c.open, c.due = '@' .. c.prefer, math.min(c.due or c.alone, c.alone)
    if c.alone > alone_until then
      alone_until = c.alone
      rc('HSET', META, 'alone', string.format('%d', c.alone))
    end
    return
  end
  c.prefer, c.alone = nil, nil
  for i, step in ipairs(rule.steps) do
    local opens = c.queued + step.after_ms
    if opens > now and i > 1 then -- the first is open at once, even by a clock that went back
      c.due = math.min(c.due or opens, opens)
      return
    end
    c.open = step.pools
  end
end

local function park(call, c)
  -- Its owner is gone: the place is kept, but nobody could connect the caller. It ends unless it comes back in time.
  unlist_call(call, c)
  c.parked, c.due = true, now + POLICY.orphan_ms
  save_call(call, c)
end

local function end_call(call, c)
  call_to(c, 'ENDED')
  unlist_call(call, c)
  rc('SREM', OWNED .. c.owner, call)
  if c.timed then rc('ZREM', TIMERS, 'call|' .. call) end
  local due = now + POLICY.forget_ms
  rc('HSET', CALLS, call, pack_call {
    state = c.state, entered = c.entered, place = c.place, queued = c.queued, queue = c.queue, owner = c.owner,
    hotline = c.hotline, answered = c.answered, attempt = c.attempt, due = due,
  })
  -- All are kept for as long: a list is in the order of time by itself, and needs one timer.
  if rc('RPUSH', ENDED, string.format('%d|', due) .. call) == 1 then set_timer(due, 'forget') end
end
