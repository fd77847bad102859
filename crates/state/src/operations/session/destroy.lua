-- Ends sessions of an owner.
--
-- KEYS[1]  the owner's sessions
-- ARGV     now | whether all but the named ones: 1, 0 | digests …
-- Answer   how many there were
local named = {}
for i = 3, #ARGV do named[ARGV[i]] = true end
local ended = 0
for _, of in ipairs(all()) do
  if (ARGV[2] == '1') ~= (named[of.digest] or false) then
    forget(of.digest)
    ended = ended + 1
  end
end
return ended
