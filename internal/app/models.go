package app

import (
	"fmt"
	"path/filepath"

	"github.com/zeblit/zeblit/internal/agent"
	"github.com/zeblit/zeblit/internal/config"
	"github.com/zeblit/zeblit/internal/llm"
	"github.com/zeblit/zeblit/internal/llm/catalogue"
	"github.com/zeblit/zeblit/internal/llm/configured"
	"github.com/zeblit/zeblit/internal/llm/record"
	"github.com/zeblit/zeblit/internal/llm/route"
	"github.com/zeblit/zeblit/internal/providerkey"
	"github.com/zeblit/zeblit/internal/recording"
	"github.com/zeblit/zeblit/internal/seal"
)

// chooseModels makes the providers that are configured, and what picks among their
// models: for the installation, and with the keys that projects bring along. The
// settings were checked when they were read.
func (a *App) chooseModels() error {
	for slug := range a.cfg.AgentModels {
		if _, err := agent.Find(slug); err != nil {
			return config.Problems{fmt.Sprintf("--agent-models (ZEBLIT_AGENT_MODELS): %s", err)}
		}
	}
	servers, err := configured.Providers(a.cfg.Providers())
	if err != nil {
		return err
	}
	if p := a.options.Provider; p != nil {
		servers = []configured.Server{{Name: p.Name(), Provider: p, Models: []string{p.DefaultModel()}, Default: p.DefaultModel()}}
	}
	var recorder *record.Recorder
	if a.cfg.RecordDir != "" {
		if recorder, err = record.NewRecorder(a.cfg.RecordDir, recording.NewSource(a.db, a.files), Redactor(a.cfg), a.logger); err != nil {
			return err
		}
	}
	known, err := catalogue.New(a.cfg.Models)
	if err != nil {
		return err
	}
	o := route.Options{Catalogue: known, Models: map[route.Tier][]string{
		route.Quick: a.cfg.ModelQuick, route.Standard: a.cfg.ModelStandard, route.Complex: a.cfg.ModelComplex,
	}}
	for _, s := range servers {
		if recorder != nil {
			s.Provider = recorder.Provider(s.Provider)
		}
		o.Servers = append(o.Servers, route.Server(s))
	}
	a.provider = o.Servers[0].Provider
	if a.models, err = route.New(o); err != nil {
		return err
	}
	return a.takeKeys(servers, recorder)
}

// takeKeys has projects and organisations bring keys of providers.
func (a *App) takeKeys(instance []configured.Server, recorder *record.Recorder) error {
	file := "" // nodes that share a database don't share their folders
	if a.cfg.Embedded() {
		file = filepath.Join(a.cfg.DataDir, seal.FileName)
	}
	sealer, err := seal.New(a.cfg.Secret, file)
	if err != nil {
		return err
	}
	o := providerkey.Options{DB: a.db, Sealer: sealer, Router: a.models, Providers: a.cfg.Providers(), Logger: a.logger}
	if recorder != nil {
		o.Wrap = func(p llm.Provider, key string) llm.Provider { return recorder.ProviderWith(p, Redactor(a.cfg, key)) }
	}
	a.projectModels = providerkey.NewModels(o)
	a.providerKeys = providerkey.NewService(a.projectModels, instance, a.limit)
	return nil
}
