-- Tells whether a job was finished in the present period.
--
-- KEYS[1]  the period in which it was finished last
-- ARGV     now | length of a period: µs
-- Answer   the present period, or -1 if it was finished in it or later
local present = math.floor(now() / tonumber(ARGV[2]))
local done = tonumber(redis.call('GET', KEYS[1]) or nil)
if done and present <= done then return -1 end
return present
