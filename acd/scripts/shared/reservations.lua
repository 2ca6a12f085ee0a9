-- Offers that end, and talks.
local function reservation_refusal(c, reservation)
  if not c then return refuse('STALE', 'no such call') end
  if c.reservation ~= reservation then return refuse('STALE', 'another reservation') end -- guard:reservation
  if c.owner ~= me then return refuse('STALE', 'another owner') end -- guard:owner
  if c.due <= now then return refuse('STALE', 'past its deadline') end -- guard:deadline
end

local function free_agent(id, reservation, outcome)
  -- What becomes of the agent of an offer that did not become a talk.
  local a = get_agent(id)
  if not a or a.reservation ~= reservation then return end
  a.call, a.reservation = nil, nil
  if a.pending then return settle(id, a) end
  if outcome == 'CALLER_GONE' or outcome == 'EXPIRED' or outcome == 'AGENT_WITHDRAWN' then
    return settle(id, a, a.idle)
  end
  if outcome == 'NO_ANSWER' or outcome == 'REJECTED' then
    if POLICY.no_answer_not_ready then
      a.queue = nil
      agent_to(a, 'NOT_READY', string.lower(outcome))
      a.due = now + POLICY.absent_ms
      return save_agent(id, a)
    end
    if outcome == 'NO_ANSWER' then return settle(id, a) end
  end
  -- The phone could not take the call: a rest, lest the same call comes back at once and for ever. A phone that goes
  -- on so (do not disturb, a broken one) rests twice as long each time.
  local rest = POLICY.rest_ms
  if outcome == 'BUSY' then rest = POLICY.busy_rest_ms elseif outcome == 'FAILED' then rest = POLICY.failed_rest_ms end
  a.fails, a.queue = (a.fails or 0) + 1, nil
  agent_to(a, 'UNREACHABLE', string.lower(outcome))
  a.due = now + math.min(rest * 2 ^ (a.fails - 1), math.max(rest, POLICY.rest_max_ms))
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
  -- `wrap_up_ms` below 0: what the call's queue says.
  local id, reservation, rule = c.agent, c.reservation, rule_of(c.queue)
  end_call(call, c)
  local a = get_agent(id)
  if not a or a.reservation ~= reservation then return end
  a.call, a.reservation, a.fails = nil, nil, nil
  if wrap_up_ms < 0 then wrap_up_ms = rule and rule.wrap_up_ms or POLICY.wrap_up_ms end
  if wrap_up_ms == 0 then return settle(id, a) end
  agent_to(a, 'WRAP_UP')
  a.due = now + wrap_up_ms
  save_agent(id, a)
end
