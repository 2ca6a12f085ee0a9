-- A waiting call into another queue: call, queue. Its place and the time it has waited stay.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call, queue = ARGV[4], ARGV[5]
local c = get_call(call)
if not c or c.state ~= 'WAITING' then return refuse('CONFLICT', 'the call does not wait') end
if not rule_of(queue) then return refuse('QUEUE', queue) end
move_call(call, c, queue)
return 1
