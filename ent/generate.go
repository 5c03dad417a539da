// Package ent is the generated database client. Its sources are the packages
// schema (tables and row policy) and column (the types of columns); migrations
// holds the SQL that makes the tables.
package ent

//go:generate go tool ent generate --template ./template --feature privacy,intercept,sql/modifier ./schema
