-- What stands behind the holder's token once somebody waits, so that the holder's release looks who that is.
local WAITED_FOR = '\n'
