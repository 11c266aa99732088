std = "lua54"
max_line_length = 120
self = false -- methods may leave self unused
codes = true
files["tests/lua"] = { std = "+busted" }
exclude_files = { "build/", "runs/" }
