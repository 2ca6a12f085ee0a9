-- Calls: their records, the index of those that wait, whose they are, and their steps.
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
  -- The steps stay JSON text in the record: they are read only when one of them is due. `following` is the next one's time.
  if c.step == 0 or (c.following and c.following <= now) then
    local steps = cjson.decode(c.steps)
    while steps[c.step + 1] and c.queued + steps[c.step + 1].after_ms <= now do
      c.step = c.step + 1
      c.open = steps[c.step].groups
    end
    local following = steps[c.step + 1]
    c.following = following and c.queued + following.after_ms or nil
  end
  c.due = c.following
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
  rc('ZREM', OWNED, c.owner .. '|' .. call)
  save_call(call, {
    state = c.state, entered = c.entered, place = c.place, queued = c.queued, owner = c.owner, hotline = c.hotline,
    answered = c.answered, attempt = c.attempt, timed = c.timed, due = now + POLICY.forget_ms,
  })
end
