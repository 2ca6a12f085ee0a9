-- The talk is over: call, reservation, wrap_up_ms, '1' if the agent's phone has hung up: what its host says of it comes
-- later, and nobody else rings it.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
local call = ARGV[4]
local c = get_call(call)
local refused = reservation_refusal(c, ARGV[5])
if refused then return refused end
if c.state ~= 'TALKING' then return refuse('CONFLICT', c.state) end
local phones = ARGV[7] == '1' and get(DEVICES, c.extension)
if phones and phones[c.host] and phones[c.host].in_use then
  phones[c.host].in_use = false
  rc('HSET', DEVICES, c.extension, cmsgpack.pack(phones))
end
end_talk(call, c, tonumber(ARGV[6]))
return 1
