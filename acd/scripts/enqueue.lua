-- A call asks for an agent: call, entered_ms, place, queue, hotline, label, queued_ms ('': now), an agent who is asked
-- first ('': nobody), '1' if it gets in though the queue is full. Again for the same call: its owner changes, its place
-- never does, nor does the queue it was moved to. Gives the call's state.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, prefer = ARGV[4], ARGV[11]
local c = get_call(call)
if c and c.answered then return refuse('ANSWERED', c.state) end -- guard:answered
local queue = c and c.state ~= 'ENDED' and c.queue or ARGV[7]
local rule = rule_of(queue)
if not rule then return refuse('QUEUE', queue) end
if not c and rule.max_waiting and ARGV[12] ~= '1'
  and rc('ZLEXCOUNT', WAITING, '[#' .. queue .. '|', '(#' .. queue .. '}') >= rule.max_waiting then
  return refuse('FULL', queue)
end
if sign_of_life() then c = get_call(call) end -- it was parked, perhaps
if not c then
  c = {
    state = 'WAITING', entered = tonumber(ARGV[5]), place = tonumber(ARGV[6]), queued = tonumber(ARGV[10]) or now,
    attempt = 0,
  }
elseif c.state == 'ENDED' then
  call_to(c, 'WAITING')
elseif c.owner == me and c.state ~= 'WAITING' then
  return c.state
elseif c.owner ~= me then
  -- The caller came in again through another process: an offer of the former one cannot be carried out.
  tell(c.owner, { type = 'revoked', reservation = c.reservation, call = call, agent = c.agent, reason = 'taken_over' })
end
local held, reservation = c.agent, c.reservation
if held then call_to(c, 'WAITING') end
unlist_call(call, c)
c.queue, c.hotline, c.label = queue, ARGV[8], ARGV[9]
if prefer ~= '' and not c.given then -- whom an agent gave on is not asked back to the same one
  local alone, a = c.queued + rule.affinity_ms, get_agent(prefer)
  if alone > now and a and (a.state == 'READY' or OCCUPIED[a.state]) then c.prefer, c.alone = prefer, alone end
end
own(call, c, me)
wait(call, c)
if not held then return c.state end
free_agent(held, reservation, 'CALLER_GONE')
return get_call(call).state -- the agent may have got this very call
