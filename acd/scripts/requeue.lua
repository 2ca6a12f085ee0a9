-- The agent gives the citizen on to another agent: call, reservation, queue, an agent who is asked first ('': nobody),
-- wrap_up_ms (below 0: the queue's).
-- Of an answered call nothing else makes a waiting one. It keeps its place, and is parked until its session asks again.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, reservation, queue, prefer, wrap_up_ms = ARGV[4], ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
local c = get_call(call)
if not c then return refuse('STALE', 'no such call') end
if c.owner ~= me then return refuse('STALE', 'another owner') end -- guard:owner
local rule = rule_of(queue)
if not rule then return refuse('QUEUE', queue) end
if c.state == 'TALKING' then
  local refused = reservation_refusal(c, reservation)
  if refused then return refused end
  end_talk(call, c, wrap_up_ms)
  c = get_call(call)
elseif c.state ~= 'ENDED' or not c.answered then
  return refuse('CONFLICT', c.state)
end
call_to(c, 'WAITING')
c.queue, c.queued, c.open = queue, now, ''
c.answered, c.late, c.given = nil, nil, true
if prefer ~= '' then c.prefer, c.alone = prefer, now + rule.affinity_ms end
own(call, c, me)
park(call, c)
return 1
