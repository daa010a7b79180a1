package configured

import "slices"

// Names are the providers that take a key: the vendors, then the servers of the list.
func (o Options) Names() []string {
	names := []string{"anthropic", "openai", "gemini"}
	for _, s := range o.Servers {
		names = append(names, s.Name)
	}
	return names
}

// WithKey makes the provider of one of Names with a key that is not the settings'. All
// else is as they say, above all where it is: whoever brings a key can't choose to whom
// this machine sends it. It reports whether there is such a provider.
func (o Options) WithKey(name, key string) (Server, bool) {
	switch name {
	case "anthropic":
		o.AnthropicKey = key
		return claude(o), true
	case "openai":
		o.OpenAIKey = key
		return gpt(o), true
	case "gemini":
		o.GeminiKey = key
		return gemini(o), true
	}
	i := slices.IndexFunc(o.Servers, func(s ServerOptions) bool { return s.Name == name })
	if i < 0 {
		return Server{}, false
	}
	s := o.Servers[i]
	s.Key = key
	return compatible(s, o.HTTPClient), true
}
