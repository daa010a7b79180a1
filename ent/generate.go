package ent

//go:generate go run entgo.io/ent/cmd/ent generate --feature privacy,intercept,sql/modifier,sql/execquery,sql/upsert,sql/lock,sql/versioned-migration ./schema
