-- A waiter asks at least once a second; one that has not for so many microseconds is taken for dead.
local PATIENCE = 3000000

local function lives(token, arrived)
  -- After a step of the clock the past may seem to lie ahead.
  if math.abs(now() - arrived) <= PATIENCE then return true end
  local asked = tonumber(redis.call('ZSCORE', seen, token) or nil)
  return asked and math.abs(now() - asked) <= PATIENCE
end
