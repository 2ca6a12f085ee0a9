-- The talk is over: call, reservation, wrap_up_ms.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get(CALLS, call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state ~= 'TALKING' then return refuse('CONFLICT', c.state) end
end_talk(call, c, tonumber(ARGV[6]))
return 1
