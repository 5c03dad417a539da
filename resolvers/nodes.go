package resolvers

// nodeType is what is to be known of a type that implements Node.
type nodeType struct {
	uuid bool // whether the ids within the type are UUIDs; they are any text else, as far as is checked before anything runs
}

// nodeTypes are the types that implement Node.
var nodeTypes = map[string]nodeType{
	"Entry":           {uuid: true},
	"AuditEvent":      {},
	"Operation":       {},
	"UsageRecord":     {},
	"APICall":         {},
	"Tenant":          {uuid: true},
	"Category":        {uuid: true},
	"RetentionPolicy": {uuid: true},
	"User":            {},
	"AccessToken":     {},
}
