-- Redeems a token, once.
--
-- KEYS[1]  a hash: digest of the token; value; taker, who has redeemed it
-- ARGV     now (unused) | digest | taker: unique for each attempt | ms for which a redemption is remembered
-- Answer   the value, or nothing
local digest, value, taker = unpack(redis.call('HMGET', KEYS[1], 'digest', 'value', 'taker'))
if digest ~= ARGV[2] then return false end
-- It is our own where the answer to an earlier try was lost.
if taker then return taker == ARGV[3] and value end
redis.call('HSET', KEYS[1], 'taker', ARGV[3])
if tonumber(ARGV[4]) < redis.call('PTTL', KEYS[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return value
