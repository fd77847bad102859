-- The first who waits, and lives.
local function first()
  while true do
    local head, arrived = unpack(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES'))
    if not head or lives(head, tonumber(arrived)) then return head end
    leave(head)
  end
end
