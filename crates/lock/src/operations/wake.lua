-- Tells the process whose token this is that it may have the lock, or under which fence it has it (0: it has
-- to ask). The last argument is the beginning of the names of the channels on which processes are told; where
-- channels are forbidden, it finds out by asking.
local function wake(token, fence)
  local message = whole(fence) .. ' ' .. token
  redis.pcall('PUBLISH', ARGV[#ARGV] .. ':{' .. string.sub(token, 1, 22) .. '}', message)
end
