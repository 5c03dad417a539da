// Holds the JSON on standard input against the names of an answer's fields in their
// order, and says where they differ; then the exit code is 1.
//
//     success message data{items[id user_id? content] total}
//
// {} encloses an object's fields, [] those of every item of a list that has some. A
// field with ? may be absent. What is under a name without brackets is not looked at.
import { readFileSync } from "node:fs"

const words = process.argv[2].match(/\w+\??|[{}[\]]/g)

function fields() {
	const all = []
	for (let word; (word = words.shift()) && word !== "}" && word !== "]"; ) {
		if (word === "{" || word === "[") Object.assign(all.at(-1), { list: word === "[", inside: fields() })
		else all.push({ name: word.replace("?", ""), optional: word.endsWith("?") })
	}
	return all
}

function check(value, wanted, where) {
	const got = Object.keys(value).join(" ")
	const want = wanted.filter(({ name, optional }) => !optional || name in value)
	if (got !== want.map(({ name }) => name).join(" ")) throw `${where} has ${got}`
	for (const { name, list, inside } of want) {
		const here = `${where}.${name}`
		if (inside && Array.isArray(value[name]) !== list) throw `${here} is ${list ? "no" : "a"} list`
		if (list && value[name].length === 0) throw `${here} is empty`
		if (inside) for (const each of list ? value[name] : [value[name]]) check(each ?? {}, inside, here)
	}
}

try {
	check(JSON.parse(readFileSync(0, "utf8")), fields(), "the answer")
} catch (problem) {
	console.log(String(problem))
	process.exitCode = 1
}
