# The work of change_server_mode.sh on the text of a configuration, for any POSIX awk. MODE, URLS and TOKEN say what to
# do, NAME is the file for messages, OUT takes the new text. Prints what the file says of the process's id.
#
# cluster notes the values that it changes in a comment before the heartbeat; whatever is asked, a note that is there is
# heeded first. So both modes always begin with the text as it is without a cluster.

# Words, with the positions of the first and the last letter: as the configuration is read, a # or a quote means
# something only where a word begins.
function token_at(text, at,    letter, end, rest) {
    while (at <= length(text)) {
        letter = substr(text, at, 1)
        if (letter == "#") {
            rest = index(substr(text, at), "\n")
            at = rest ? at + rest : length(text) + 1
        } else if (letter ~ /[ \t\r\n\v\f]/) {
            at++
        } else {
            break
        }
    }
    first = last = at
    kind = "end"
    if (at > length(text)) return
    kind = letter
    if (letter ~ /[;{}]/) return
    kind = "word"
    if (letter == "\"" || letter == "'") {
        rest = substr(text, at + 1)
        end = index(rest, letter)
        if (!end || (index(rest, "\n") && index(rest, "\n") < end)) fail("a quote has no end on its line", at)
        last = at + end
        return
    }
    match(substr(text, at), /^[^ \t\r\n\v\f;{}]+/)
    last = at + RLENGTH - 1
}

function fail(what, at,    before) {
    before = substr(s, 1, at)
    printf "change_server_mode.sh: %s, line %d: %s\n", ENVIRON["NAME"], gsub(/\n/, "\n", before) + 1, what | "cat >&2"
    exit 1
}

function bare(word) {
    return word ~ /^["']/ ? substr(word, 2, length(word) - 2) : word
}

# Finds the heartbeat in s, its directives and those of its auth: name_at, from, to (of the value) and semi by name,
# with "auth." before the latter. open_at and close_at are of the braces.
function read_text(    at, depth, name, start, begun, path, inside, value, end) {
    split("", open_at); split("", close_at); split("", name_at); split("", from); split("", to); split("", semi)
    pid = ""
    at = substr(s, 1, 3) == "\357\273\277" ? 4 : 1
    depth = 0
    path[0] = ""
    for (;;) {
        token_at(s, at)
        at = last + 1
        if (kind == "end") break
        if (kind == "}") {
            if (depth == 0) fail("a } too many", first)
            if (path[depth] != "-") close_at[path[depth]] = first
            depth--
            continue
        }
        if (kind != "word") fail("expected the name of a directive", first)
        start = first
        name = bare(substr(s, first, last - first + 1))
        value = end = 0
        for (;;) {
            token_at(s, at)
            at = last + 1
            if (kind != "word") break
            if (!value) value = first
            end = last
        }
        if (kind == "end" || kind == "}") fail("expected ; behind " name, start)
        if (depth == 0) inside = name == "heartbeat" ? "heartbeat" : "-"
        else if (path[depth] == "heartbeat") inside = name == "auth" ? "auth" : name
        else if (path[depth] == "auth") inside = "auth." name
        else inside = "-"
        if (kind == "{") {
            depth++
            begun[depth] = start
            path[depth] = inside == "heartbeat" || inside == "auth" ? inside : "-"
            if (path[depth] == "-") continue
            if (inside in open_at) fail("a second " inside, start)
            open_at[inside] = first
            name_at[inside] = start
        } else if (depth > 0 && path[depth] != "-") {
            if (inside in semi) fail("a second " inside, start)
            name_at[inside] = start
            from[inside] = value
            to[inside] = end
            semi[inside] = first
        } else if (depth == 0 && name == "pid" && value) {
            pid = bare(substr(s, value, end - value + 1))
        }
    }
    if (depth) fail("a block without its }", begun[depth])
}

function value_of(name) {
    return name in semi && from[name] ? substr(s, from[name], to[name] - from[name] + 1) : ""
}

# Takes out or puts in, and reads anew: later positions are other ones.
function splice(at, count, text) {
    s = substr(s, 1, at - 1) text substr(s, at + count)
    read_text()
}

function put_value(name, value) {
    if (from[name]) splice(from[name], to[name] - from[name] + 1, value)
    else splice(semi[name], 0, " " value)
}

# How a new directive of a block is set off: on a line of its own where the block has several.
function set_off(block,    inside, begin) {
    inside = substr(s, open_at[block], close_at[block] - open_at[block])
    if (!index(inside, "\n")) return " "
    begin = substr(s, 1, name_at[block] - 1)
    sub(/^.*\n/, "", begin)
    # The rest of the line before the block.
    if (match(begin, /[^ \t]/)) begin = ""
    return "\n" begin "    "
}

# Writes a directive as this script wants it, and notes what was there.
function put(block, name, word, value,    before, gap) {
    if (name in semi) {
        before = value_of(name)
        if (before ~ /\n/) fail("the value of " name " goes over several lines", name_at[name])
        if (bare(before) == bare(value)) return
        notes = notes " " name (before == "" ? "" : " ") before ";"
        put_value(name, value)
    } else {
        notes = notes " -" name ";"
        gap = set_off(block)
        splice(open_at[block] + 1, 0, gap (gap == " " ? word " " : sprintf("%-19s ", word)) value ";")
    }
}

# Takes a directive or a block out with what set it off.
function take_out(name,    begin, end, blank) {
    if (!(name in name_at)) return
    begin = name_at[name]
    end = name in close_at ? close_at[name] : semi[name]
    blank = substr(s, 1, begin - 1)
    if (match(blank, /\n[ \t]*$/) || match(blank, / $/)) begin = RSTART
    splice(begin, end - begin + 1, "")
}

# Puts back what the note before the heartbeat says, and takes the note away.
function undo(    begin, at, length_of, note, name, value, absent) {
    if (!("heartbeat" in name_at)) return
    begin = 0
    while (at = index(substr(s, begin + 1, name_at["heartbeat"] - begin - 1), MARK)) begin += at
    if (!begin) return
    note = substr(s, begin, name_at["heartbeat"] - begin)
    if (note !~ /^[^\n]*\n[ \t]*$/) return
    length_of = length(note)
    note = substr(note, length(MARK) + 1)
    sub(/\n[ \t]*$/, "", note)
    if (note ~ /^ -heartbeat;$/) {
        at = close_at["heartbeat"] + 1
        if (substr(s, at, 1) == "\n") at++
        if (substr(s, begin - 1, 1) == "\n") begin--
        splice(begin, at - begin, "")
        return
    }
    splice(begin, length_of, "")
    at = 1
    for (;;) {
        token_at(note, at)
        if (kind != "word") break
        name = substr(note, first, last - first + 1)
        at = last + 1
        value = last + 1
        for (token_at(note, at); kind == "word"; token_at(note, at)) at = last + 1
        if (kind != ";") break
        absent = name ~ /^-/
        value = substr(note, value, first - value)
        sub(/^ /, "", value)
        at = first + 1
        if (absent) take_out(substr(name, 2))
        else if (name in semi && value != "") put_value(name, value)
        else if (name in semi && from[name]) splice(from[name] - 1, to[name] - from[name] + 2, "")
    }
}

function join_cluster(    indent, begin) {
    notes = ""
    if (!("heartbeat" in open_at)) {
        s = s "\n" MARK " -heartbeat;\nheartbeat {\n" \
            "    enabled             on;\n    interval            1;\n" \
            "    url                 " ENVIRON["URLS"] ";\n    ports               on;\n"
        if (ENVIRON["TOKEN"] != "") s = s "    auth {\n" \
            "        enabled         on;\n        type            bearer;\n" \
            "        token           " ENVIRON["TOKEN"] ";\n    }\n"
        s = s "}\n"
        return
    }
    if (ENVIRON["TOKEN"] != "") {
        if ("auth" in open_at) {
            put("auth", "auth.token", "token", ENVIRON["TOKEN"])
            put("auth", "auth.type", "type", "bearer")
            put("auth", "auth.enabled", "enabled", "on")
        } else {
            notes = notes " -auth;"
            indent = set_off("heartbeat")
            splice(open_at["heartbeat"] + 1, 0, \
                indent "auth { enabled on; type bearer; token " ENVIRON["TOKEN"] "; }")
        }
    }
    put("heartbeat", "ports", "ports", "on")
    put("heartbeat", "url", "url", ENVIRON["URLS"])
    put("heartbeat", "interval", "interval", "1")
    put("heartbeat", "enabled", "enabled", "on")
    if (notes == "") return
    begin = substr(s, 1, name_at["heartbeat"] - 1)
    sub(/^.*\n/, "", begin)
    if (match(begin, /[^ \t]/)) begin = ""
    splice(name_at["heartbeat"], 0, MARK notes "\n" begin)
}

BEGIN {
    MARK = "# change_server_mode.sh standalone puts back:"
}
{ s = s $0 "\n" }
END {
    # Without the letter that was put behind the text, and its end of line.
    s = substr(s, 1, length(s) - 2)
    read_text()
    undo()
    if (ENVIRON["MODE"] == "cluster") join_cluster()
    else if (bare(value_of("enabled")) == "on") put_value("enabled", "off")
    printf "%s", s > ENVIRON["OUT"]
    print pid
}
