// Package graph is the generated executable schema: generated.go runs
// schema.graphqls against the methods of a ResolverRoot, models_gen.go holds the
// few types that only GraphQL has. Both are written by gqlgen from
// schema.graphqls and gqlgen.yml at the top of the repository; the other files bind
// them to what the domain has.
package graph

//go:generate go -C .. run ./graph/generate
