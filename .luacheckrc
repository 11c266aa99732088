std = "lua54"
max_line_length = 120
self = false -- methods may leave self unused
codes = true
ignore = { "581" } -- not (x < y) is meant: it is true for NaN
files["tests/lua"] = { std = "+busted" }
exclude_files = { "build/", "runs/" }
