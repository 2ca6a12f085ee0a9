-- A process begins a life of its own: whatever an earlier life under its name held is an orphan now.
if stored_epoch ~= epoch then return refuse('EPOCH', stored_epoch or '0') end -- guard:epoch
rc('DEL', INBOX .. me)
local gone = me .. '#gone'
for _, call in ipairs(owned_by(me)) do
  local c = get_call(call)
  own(call, c, gone)
  if c.state == 'WAITING' and not c.parked then park(call, c) else save_call(call, c) end
end
rc('HSET', META, 'lease|' .. gone, '0')
lease_me()
return 1
